"""Stylisation: frozen encoder and decoder, AdaIN, orthogonal noise, ASH's hallucinator, and the fit of a small pair."""
