"""Portal in a notebook: one anywidget a file, with its built front-end."""
