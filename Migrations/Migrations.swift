package let x = PackageResources.self
