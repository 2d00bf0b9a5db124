//! Containers and codecs to samples. Nothing else decodes.
