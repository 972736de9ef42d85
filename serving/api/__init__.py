"""The API: routes by resource, who may ask, and how it is refused."""
