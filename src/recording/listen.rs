//! Measures over samples: level, silence, one-sidedness, waveform. No files, no codecs.
