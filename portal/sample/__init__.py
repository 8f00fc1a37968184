"""The sample federation: real data that ships in Python packages, offered as four facilities.

The data are published by these laboratories; the files lie in packages on this machine. A
facility is one TOML file in ``facilities/``, and its records are one module beside this one.
"""
