//! Which kernels an archive has, by the names of its packages.

/// Oldest kernel that vpnmon supports.
const FLOOR: [u32; 2] = [5, 10];
const PREFIX: &str = "linux-image-";
const SUFFIX: &str = "-cloud-amd64";

/// A kernel of the archive, ordered by age: the newest is the greatest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Release {
    numbers: Vec<u32>,
    name: String,
}

impl Release {
    /// The release whose image `package` is. `None` for anything else: debug symbols, unsigned
    /// twins, meta-packages (`6.1`) and release candidates (`7.3`), which have two numbers only.
    pub fn of_package(package: &str) -> Option<Self> {
        let name = package.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?;
        let numbers = numbers(name);
        let kernel = name.starts_with(|c: char| c.is_ascii_digit()) && numbers.len() >= 3;
        kernel.then(|| Self { numbers, name: name.to_owned() })
    }

    /// As Debian has it: `6.12.118+deb13`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What `uname -r` says in it.
    pub fn uname(&self) -> String {
        format!("{}{SUFFIX}", self.name)
    }

    /// The packages that may hold parts of it: all in the image up to 6.18, then split in three.
    pub fn packages(&self) -> [String; 3] {
        ["image", "binary", "modules"].map(|part| format!("linux-{part}-{}{SUFFIX}", self.name))
    }

    fn series(&self) -> &[u32] {
        &self.numbers[..2]
    }
}

/// The newest release of each series that vpnmon supports, oldest series first.
pub fn newest_of_each(releases: &[Release]) -> Vec<Release> {
    let mut sorted: Vec<_> =
        releases.iter().filter(|release| *release.series() >= FLOOR[..]).collect();
    sorted.sort();
    let series = sorted.chunk_by(|a, b| a.series() == b.series());
    series.filter_map(|of_one| of_one.last().map(|release| (*release).clone())).collect()
}

/// The newest release that begins with the numbers of `version`.
pub fn newest_of(releases: &[Release], version: &str) -> Option<Release> {
    let wanted = numbers(version);
    let fits = |release: &&Release| !wanted.is_empty() && release.numbers.starts_with(&wanted);
    releases.iter().filter(fits).max().cloned()
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(|c: char| !c.is_ascii_digit()).filter_map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKAGES: [&str; 14] = [
        "linux-image-5.10.0-9-cloud-amd64",
        "linux-image-5.10.0-46-cloud-amd64",
        "linux-image-5.10.0-46-cloud-amd64-dbg",
        "linux-image-5.10.0-46-cloud-amd64-unsigned",
        "linux-image-4.19.0-27-cloud-amd64",
        "linux-image-6.1-cloud-amd64",
        "linux-image-6.1.0-0.deb11.52-cloud-amd64",
        "linux-image-6.1.0-56-cloud-amd64",
        "linux-image-6.12.90+deb13.1-cloud-amd64",
        "linux-image-6.12.118+deb12-cloud-amd64",
        "linux-image-6.12.118+deb13-cloud-amd64",
        "linux-image-7.3-cloud-amd64",
        "linux-image-7.2.13+deb14-cloud-amd64",
        "linux-image-cloud-amd64",
    ];

    fn releases() -> Vec<Release> {
        PACKAGES.iter().filter_map(|package| Release::of_package(package)).collect()
    }

    fn check(version: &str, expected: Option<&str>) {
        let found = newest_of(&releases(), version);
        assert_eq!(found.as_ref().map(Release::name), expected, "{version}");
    }

    #[test]
    fn takes_the_newest_of_a_version() {
        check("5.10", Some("5.10.0-46"));
        check("6.1", Some("6.1.0-56"));
        check("6.12", Some("6.12.118+deb13"));
        check("6.12.90", Some("6.12.90+deb13.1"));
        check("6.12.118+deb12", Some("6.12.118+deb12"));
        check("7", Some("7.2.13+deb14"));
        check("6.13", None);
        check("7.3", None);
        check("", None);
        check("new", None);
    }

    #[test]
    fn takes_one_of_each_series_from_the_floor_on() {
        let names: Vec<_> =
            newest_of_each(&releases()).iter().map(|release| release.name().to_owned()).collect();
        assert_eq!(names, ["5.10.0-46", "6.1.0-56", "6.12.118+deb13", "7.2.13+deb14"]);
    }

    #[test]
    fn names_its_packages() {
        let release = Release::of_package("linux-image-7.2.13+deb14-cloud-amd64").unwrap();
        assert_eq!(release.uname(), "7.2.13+deb14-cloud-amd64");
        assert_eq!(release.packages()[2], "linux-modules-7.2.13+deb14-cloud-amd64");
    }
}
