//! What apt would download for a package.

use crate::{
    failure::{Failure, Result},
    kernels::archive::Archive,
};

/// Every package that an install of `package` would download. In an archive of its own sources
/// nothing is installed, so there it is all that the package needs.
pub fn plan(archive: &Archive, package: &str) -> Result<Vec<String>> {
    let plan = ["install", "--print-uris", "--yes", "--no-install-recommends", package];
    let packages = planned(&archive.read("apt-get", &plan)?);
    if packages.is_empty() {
        let why = format!("apt would download nothing for {package}");
        let next = format!("see whether `apt-cache policy {package}` knows it");
        return Err(Failure::new(format!("fetching {package}"), why, next));
    }
    Ok(packages)
}

/// Package names in `'URI' NAME_VERSION_ARCH.deb SIZE HASH` lines.
fn planned(uris: &str) -> Vec<String> {
    let lines = uris.lines().filter(|line| line.starts_with('\''));
    let files = lines.filter_map(|line| line.split_whitespace().nth(1));
    files.filter_map(|file| Some(file.split_once('_')?.0.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_apts_plan() {
        let plan = "Reading package lists...\n  qemu-utils\n\
            'http://a.test/i/ipxe_1.0%2bgit_all.deb' ipxe-qemu_1.0+git_all.deb 766 MD5Sum:0a\n\
            'http://a.test/q/q.deb' qemu-system-x86_1%3a7.2_amd64.deb 9281168 \n";
        assert_eq!(planned(plan), ["ipxe-qemu", "qemu-system-x86"]);
        assert!(planned("").is_empty());
    }
}
