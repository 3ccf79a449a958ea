"""Speeds as ratios: each row beside a floor measured in the same run, interleaved, on the same broker."""
