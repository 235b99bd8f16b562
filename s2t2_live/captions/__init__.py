"""Sinks without a window: what turns the events of a session into text. They know no audio and no model."""
