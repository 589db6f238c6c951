# Becomes the first process of a Debian tree: systemd, with file systems of its own. Called with
# namespaces of mounts, processes, network, names and cgroups of its own.
#   $1 the tree, which stays as it is   $2 an empty directory
set -eu
tree=$1
root=$2
mount --make-rprivate /
mount -t tmpfs tmpfs "$root"
mkdir "$root/new" "$root/work" "$root/root"
cd "$root"
mount -t overlay -o "lowerdir=$tree,upperdir=$root/new,workdir=$root/work" overlay "$root/root"
root=$root/root
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t bpf -o mode=700 bpf "$root/sys/fs/bpf"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
mkdir "$root/dev/pts" "$root/dev/shm"
for device in null zero full random urandom tty; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir "$root/run/outside"
cd "$root"
pivot_root . run/outside
exec chroot . /bin/sh -c 'umount -l /run/outside; rmdir /run/outside
    exec env -i container=vpnmon PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd'
