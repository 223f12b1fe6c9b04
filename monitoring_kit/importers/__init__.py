"""Other tools' specs of objectives, turned into ours with a note for each thing that has no counterpart."""

from monitoring_kit.importers.openslo import import_openslo
from monitoring_kit.importers.result import Imported, ImportFailedError
from monitoring_kit.importers.sloth import import_sloth

__all__ = ["ImportFailedError", "Imported", "import_openslo", "import_sloth"]
