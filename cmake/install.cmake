# To come: install rules and the package configuration.
