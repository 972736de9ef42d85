"""From a model to a touchpoint: scores, lists and the prediction API."""
