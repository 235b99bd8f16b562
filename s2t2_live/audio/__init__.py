"""From sound to speech segments: sources, resampling, voice detection, segmenter. Knows no model."""
