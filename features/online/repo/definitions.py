"""Define what `feast -c features/online/repo apply` finds: entity, views and services."""

from features.online.feast_home import feast_home
from features.online.views import customer, feature_services, feature_views
from features.settings import load
from features.tags.catalogue import groups
from features.tags.extensions import load_extensions

load_extensions(load().home)
entity = customer()
_views = feature_views(feast_home(), groups(), load().offline)

# Feast takes what stands in the module under a name of its own; it does not look into lists.
globals().update({f"view_{view.name}": view for view in _views})
globals().update({f"service_{service.name}": service for service in feature_services(_views)})
