"""The suite: rules by package, HTTP under api/, whole stories under journeys/, threads under races/."""
