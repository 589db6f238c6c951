//! What a guest needs out of a kernel's unpacked packages, whichever way Debian lays them out.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    failure::{Failure, OrFail, Result},
    kernels::{
        kernel::{IMAGE, NEXT},
        release::Release,
        tool,
    },
};

/// Not built into a cloud kernel. clsact is part of the first; the guest loads them in this order.
const MODULES: [&str; 5] = ["sch_ingress", "cls_bpf", "veth", "dummy", "tun"];

/// Copies the image and the wanted modules out of an unpacked package.
pub fn take(release: &Release, tree: &Path, into: &Path) -> Result<()> {
    let modules = find_dir(tree, &release.uname());
    let images = [
        Some(tree.join("boot").join(format!("vmlinuz-{}", release.uname()))),
        modules.as_ref().map(|dir| dir.join("vmlinuz")),
    ];
    let Some(image) = images.into_iter().flatten().find(|path| path.exists()) else {
        let why = "its packages hold no vmlinuz";
        return Err(Failure::new(format!("unpacking {}", release.name()), why, NEXT));
    };
    fs::copy(&image, into.join(IMAGE)).or_fail(format!("copying {}", image.display()), NEXT)?;
    let Some(modules) = modules.map(|dir| dir.join("kernel")) else { return Ok(()) };
    for (place, name) in MODULES.iter().enumerate() {
        let Some(packed) = find_module(&modules, name) else { continue };
        let file = into.join("modules").join(format!("{place}-{name}.ko"));
        fs::write(&file, unpack(&packed)?).or_fail(format!("writing {}", file.display()), NEXT)?;
    }
    Ok(())
}

fn find_dir(tree: &Path, uname: &str) -> Option<PathBuf> {
    let dirs = ["lib/modules", "usr/lib/modules"];
    dirs.map(|dir| tree.join(dir).join(uname)).into_iter().find(|dir| dir.is_dir())
}

fn find_module(dir: &Path, name: &str) -> Option<PathBuf> {
    let file = |entry: &Path| {
        let entry = entry.file_name()?.to_str()?;
        Some(entry.strip_prefix(name)?.starts_with(".ko"))
    };
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|entry| entry.is_dir());
    let here = files.into_iter().find(|entry| file(entry) == Some(true));
    here.or_else(|| dirs.iter().find_map(|dir| find_module(dir, name)))
}

/// Kernels before 5.17 cannot unpack a module themselves.
fn unpack(module: &Path) -> Result<Vec<u8>> {
    let what = format!("unpacking {}", module.display());
    match module.extension().and_then(|extension| extension.to_str()) {
        Some("ko") => fs::read(module).or_fail(what, NEXT),
        Some("xz") => tool::bytes(&what, Command::new("xz").arg("-dc").arg(module)),
        _ => Err(Failure::new(what, "its compression is unknown", "teach it to kernel.rs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str]) {
        let dir = tempfile::tempdir().unwrap();
        let release = Release::of_package("linux-image-7.2.13+deb14-cloud-amd64").unwrap();
        let (tree, into) = (dir.path().join("tree"), dir.path().join("into"));
        fs::create_dir_all(into.join("modules")).unwrap();
        for file in files {
            let file = tree.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, file.file_name().unwrap().to_str().unwrap()).unwrap();
        }
        take(&release, &tree, &into).unwrap();
        assert!(fs::read_to_string(into.join(IMAGE)).unwrap().starts_with("vmlinuz"));
        let module = fs::read_to_string(into.join("modules/2-veth.ko")).unwrap();
        assert_eq!(module, "veth.ko");
    }

    #[test]
    fn takes_image_and_modules_from_either_layout() {
        const NAME: &str = "7.2.13+deb14-cloud-amd64";
        check(&[
            &format!("boot/vmlinuz-{NAME}"),
            &format!("lib/modules/{NAME}/kernel/drivers/net/veth.ko"),
            &format!("lib/modules/{NAME}/kernel/drivers/net/vethx.ko"),
        ]);
        check(&[
            &format!("usr/lib/modules/{NAME}/vmlinuz"),
            &format!("usr/lib/modules/{NAME}/kernel/drivers/net/veth.ko"),
        ]);
    }
}
