"""Released versions that tests upgrade from, by commit: a clone may carry no tags."""

V0_1_0 = "e4e5888f6ff6b8161bd440c05a99dca5e85efbd9"
