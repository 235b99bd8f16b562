"""The Speech2Text2 model family in plain torch. Knows nothing of audio devices, threads and windows."""
