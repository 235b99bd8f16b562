"""From speech segments to captions while the person speaks: events, policies, translator, session."""
