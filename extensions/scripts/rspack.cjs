// Module ids by order: those by hash depend on the directory in which the checkout lies.
module.exports = { optimization: { moduleIds: 'natural' } };
