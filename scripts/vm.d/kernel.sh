# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # shared with scripts/vm
# Debian's cloud kernels as something QEMU boots. Sourced by scripts/vm.
#
# vmlinuz       as packaged
# initrd        busybox and the few modules that lead to the root; the guest's init is added per run
# modules.sqfs  all modules, not compressed, with depmod's tables; the guest mounts it at /lib/modules/VERSION

# Where each series comes from: the suite, then everything is the suite's current version.
kernel_series=(6.1 6.12 7)
declare -A kernel_suite=([6.1]=bookworm [6.12]=trixie [7]=trixie-backports)

# A static busybox of any release will do; the backports suite has none.
busybox_suite=bookworm

# What must be loaded before the root is there. Those that a kernel has built in are left out by modprobe.
initrd_modules=(virtio_pci virtio_blk virtio_console virtio_rng squashfs overlay)

kernel_recipe() { recipe "$vm_scripts/vm.d/kernel.sh"; }
kernel_dir() { readlink -f "$vm_cache/kernel/$1/current"; }
kernel_version() { cat "$vm_cache/kernel/$1/current/version"; }

kernel_ready() {
	local dir=$vm_cache/kernel/$1
	fresh "$dir" && [[ $(readlink "$dir/current") == *-$(kernel_recipe) ]]
}

# kernel_packages SUITE: the packages with the kernel's version in the name that the meta package leads to,
# one in old releases, image, base, binary and modules in new ones.
kernel_packages() {
	private_apt "$1" apt-cache depends --recurse --no-recommends --no-suggests --no-enhances --no-conflicts \
		--no-breaks --no-replaces linux-image-cloud-amd64 |
		grep -xE 'linux-(image|base|binary|modules)-[0-9].*-cloud-amd64' | sort -u
}

# modules_unpack TREE VERSION: uncompressed modules with their tables, so that the guest need not do it.
modules_unpack() {
	local modules=$1/lib/modules/$2
	if [[ -d $1/usr/lib/modules ]]; then
		mkdir -p "$1/lib"
		mv "$1/usr/lib/modules" "$1/lib/"
	fi
	find "$modules" -name '*.ko.xz' -print0 | xargs -0r -n 64 -P "$(nproc)" xz -d
	depmod -b "$1" "$2"
}

# initrd_pack TREE VERSION BUSYBOX OUT: busybox and the modules of initrd_modules, listed in the order of loading.
initrd_pack() {
	local tree=$1 version=$2 out=$4 root=$1/initrd module
	mkdir -p "$root"/{bin,modules}
	cp "$3" "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	modprobe --show-depends -a -d "$tree" -S "$version" "${initrd_modules[@]}" |
		awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
		while read -r module; do
			cp "$module" "$root/modules/"
			echo "${module##*/}" >>"$root/modules/order"
		done
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$out"
}

kernel_build() {
	local series=$1 version built tree vmlinuz
	shift
	built=$(mktemp -d "$vm_cache/kernel/$series/new.XXXXXX")
	tree=$built/tree
	say "kernel $series: fetching $*"
	unpack_packages "${kernel_suite[$series]}" "$tree" "$@"
	unpack_packages "$busybox_suite" "$tree.busybox" busybox-static
	version=$(basename "$(find "$tree" -path '*/lib/modules/*' -prune -print -quit)")
	modules_unpack "$tree" "$version"
	for vmlinuz in "$tree/boot/vmlinuz-$version" "$tree/lib/modules/$version/vmlinuz"; do
		[[ ! -e $vmlinuz ]] || mv "$vmlinuz" "$built/vmlinuz"
	done
	[[ -e $built/vmlinuz ]] || die "kernel $series: no vmlinuz in $*"
	initrd_pack "$tree" "$version" "$tree.busybox/bin/busybox" "$built/initrd"
	tar -C "$tree/lib/modules/$version" --owner=0 --group=0 -c . |
		tar2sqfs -q -f -c lz4 "$built/modules.sqfs"
	echo "$version" >"$built/version"
	rm -rf "$tree" "$tree.busybox"
	publish "$built" "$vm_cache/kernel/$series" "$version-$(kernel_recipe)"
	say "kernel $series: $version is ready"
}

kernel_apt_update() {
	local suite
	for suite in "$busybox_suite" "$1"; do
		with_lock "apt-$suite" private_apt_update "$suite" || return 1
	done
}

# kernel_prepare SERIES: look up the suite's current kernel and build what is not there. Holds the lock.
kernel_prepare() {
	local series=$1 suite=${kernel_suite[$1]} dir=$vm_cache/kernel/$1 packages name
	! kernel_ready "$series" || return 0
	with_lock host host_packages
	mkdir -p "$dir"
	rm -rf "$dir"/new.*
	if ! kernel_apt_update "$suite"; then
		[[ -e $dir/current ]] || die "kernel $series: cannot read suite $suite"
		say "kernel $series: cannot read suite $suite, staying with $(kernel_version "$series")"
		postpone "$dir"
		return 0
	fi
	mapfile -t packages < <(kernel_packages "$suite")
	((${#packages[@]})) || die "kernel $series: suite $suite has no linux-image-cloud-amd64"
	name=${packages[0]#linux-*-}-$(kernel_recipe)
	[[ -d $dir/$name && $(readlink "$dir/current") == "$name" ]] || kernel_build "$series" "${packages[@]}"
	touch "$dir/checked"
}
