"""What a run looks like."""

from .charts import save_confusion, save_latent_map, save_losses
from .final import save_final_pictures
from .samples import film_frame, sample_row, save_film, save_samples

__all__ = [
    "film_frame",
    "sample_row",
    "save_confusion",
    "save_film",
    "save_final_pictures",
    "save_latent_map",
    "save_losses",
    "save_samples",
]
