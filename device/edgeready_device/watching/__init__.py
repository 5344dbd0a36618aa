"""The live loop: frames of a camera, a video or a folder that fills, labels that do not flicker, and commands."""
