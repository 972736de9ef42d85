"""What `feast -c features/repo apply` finds: the entity, the views and the services."""

from features.feast_home import feast_home
from features.services import feature_services
from features.tags.catalogue import groups
from features.views import customer, feature_views

entity = customer()
views = feature_views(feast_home(), groups())
services = feature_services(views)
