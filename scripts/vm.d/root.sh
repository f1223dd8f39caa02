# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # shared with scripts/vm
# The guest's root: Debian 12 (OpenSSL 3.0) or Debian 13 (OpenSSL 3.5) as one squashfs image that every
# guest mounts read-only under a tmpfs. RELEASE-peers has Java, Node and Python on top, three times as
# big, for selftests/interop alone. Sourced by scripts/vm.

root_releases=(12 13 12-peers 13-peers)
declare -A root_suite=([12]=bookworm [13]=trixie)

# root_lists ROOT: the files that name its packages.
root_lists() {
	echo "$vm_scripts/vm.d/root-packages.txt"
	[[ $1 != *-peers ]] || echo "$vm_scripts/vm.d/root-peers.txt"
}

root_recipe() {
	local lists
	mapfile -t lists < <(root_lists "$1")
	recipe "${lists[@]}" "$vm_scripts/vm.d/root.sh"
}
root_image() { readlink -f "$vm_cache/root/$1/current/root.sqfs"; }

root_ready() {
	local dir=$vm_cache/root/$1
	fresh "$dir" && [[ $(readlink "$dir/current") == "$(root_recipe "$1")-"* ]]
}

# root_packages ROOT: the list, comma separated.
root_packages() {
	local lists
	mapfile -t lists < <(root_lists "$1")
	sed -E "s/#.*//; s/^${1%-peers}://; /^[0-9]+:/d; s/[[:space:]]+//g; /^\$/d" "${lists[@]}" | paste -sd,
}

# root_tar ROOT: the root as a tar archive on stdout, without documentation.
# shellcheck disable=SC2016  # the hooks' $1 is the root's directory, set by mmdebstrap
root_tar() {
	local suite=${root_suite[${1%-peers}]}
	sources "$suite" | mmdebstrap --quiet --variant=essential --architectures=amd64 \
		--include="$(root_packages "$1")" \
		--aptopt='Acquire::Languages "none"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' \
		--essential-hook='mkdir -p "$1/usr/share/man/man1"' \
		--customize-hook='chroot "$1" useradd --system --user-group --no-create-home --shell /usr/sbin/nologin sluice' \
		--customize-hook='rm -f "$1/etc/resolv.conf" "$1/etc/hostname"' \
		--customize-hook='mkdir -p "$1/lib/modules"' \
		--format=tar "$suite" - -
}

# root_build ROOT: non-zero when Debian could not be had (errexit is off here, see root_prepare).
root_build() {
	local root=$1 built
	built=$(mktemp -d "$vm_cache/root/$root/new.XXXXXX")
	say "root $root: building Debian ${root_suite[${root%-peers}]} (about a minute)"
	root_tar "$root" | tar2sqfs -q -f -c lz4 "$built/root.sqfs" || return 1
	publish "$built" "$vm_cache/root/$root" "$(root_recipe "$root")-$(date +%Y%m%d)"
	say "root $root: ready, $(du -h "$(root_image "$root")" | cut -f1)"
}

# root_prepare ROOT: build the root unless a fresh one is there. Holds the lock.
root_prepare() {
	local root=$1 dir=$vm_cache/root/$1
	! root_ready "$root" || return 0
	with_lock host host_packages
	mkdir -p "$dir"
	rm -rf "$dir"/new.*
	if ! root_build "$root"; then
		[[ $(readlink "$dir/current") == "$(root_recipe "$root")-"* ]] || die "root $root: building failed"
		say "root $root: building failed, staying with the one of $(readlink "$dir/current")"
		postpone "$dir"
		return 0
	fi
	touch "$dir/checked"
}
