"""The desktop window. It shows the events of a session and knows neither the model nor the audio devices."""
