# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # shared with scripts/vm
# The cache and the private apt. Sourced by scripts/vm.
#
# cache/
#   apt/SUITE/      state of a private apt: the machine's own sources are read for the mirror, never changed
#   kernel/SERIES/  current -> VERSION-RECIPE/{vmlinuz,initrd,modules.sqfs}, checked (time of the last look)
#   root/RELEASE/   current -> RECIPE/root.sqfs, checked
#   locks/ log/ run.*/
#
# What is built appears under its name by one rename, so a guest that is running keeps what it opened.

vm_cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/vm
vm_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# Debian's current versions are looked up again after this many days.
vm_refresh_days=7

say() { printf 'vm: %s\n' "$*" >&2; }
die() { printf 'vm: %s\n' "$*" >&2; exit 125; }

# with_lock NAME COMMAND...: one preparation of a thing at a time, in a subshell that ends with its lock.
with_lock() {
	local name=$1
	shift
	mkdir -p "$vm_cache/locks"
	(
		exec 9>"$vm_cache/locks/$name"
		flock -n 9 || { say "waiting for another run that prepares $name"; flock 9; }
		"$@" 9>&-
	)
}

# recipe FILE...: short hash that changes when one of the files does.
recipe() { cat -- "$@" | sha256sum | cut -c1-12; }

# fresh DIR: was this looked up less than vm_refresh_days ago?
fresh() { [[ -n $(find "$1/checked" -mtime "-$vm_refresh_days" 2>/dev/null) ]]; }

# postpone DIR: the look-up failed, what is there will do; try again in an hour.
postpone() { touch -d "$((vm_refresh_days * 24 - 1)) hours ago" "$1/checked"; }

# publish BUILT DIR NAME: move what was built to DIR/NAME, make it current, drop all but the one before.
publish() {
	local built=$1 dir=$2 name=$3 old
	old=$(readlink "$dir/current" || true)
	chmod 755 "$built"
	rm -rf "${dir:?}/$name"
	mv "$built" "$dir/$name"
	ln -sfn "$name" "$dir/current.new"
	mv -T "$dir/current.new" "$dir/current"
	find "$dir" -mindepth 1 -maxdepth 1 -type d ! -name "$name" ! -name "${old:-$name}" -exec rm -rf {} +
}

host_packages() { "$vm_scripts/deps" vm || die 'scripts/deps vm failed'; }

# mirror NAME: where the machine's own apt finds NAME (debian, debian-security), else Debian's own address.
mirror() {
	local found
	found=$(sed 's/#.*//' /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		grep -oE '[a-z]+:/[^] ]*' | grep -E "/$1/?\$" | head -n 1 || true)
	echo "${found:-http://deb.debian.org/$1}"
}

# sources SUITE: the lines of sources.list for that suite and its updates.
sources() {
	local suite=$1 by="deb [arch=amd64 signed-by=$vm_keyring]"
	echo "$by $(mirror debian) $suite main"
	[[ $suite == *-backports ]] || echo "$by $(mirror debian-security) $suite-security main"
}

# private_apt SUITE COMMAND...: an apt command that knows that suite only and nothing of the machine.
private_apt() {
	local dir=$vm_cache/apt/$1
	shift
	APT_CONFIG=$dir/apt.conf "$@"
}

# private_apt_update SUITE: write its configuration and fetch its lists. Caller holds the lock apt-SUITE.
private_apt_update() {
	local suite=$1 dir=$vm_cache/apt/$1
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	sources "$suite" >"$dir/sources.list"
	: >"$dir/status"
	cat >"$dir/apt.conf" <<-EOF
		APT::Architecture "amd64";
		APT::Architectures { "amd64"; };
		APT::Sandbox::User "root";
		Acquire::Languages "none";
		Dir::State "$dir/state";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir/cache";
		Dir::Etc::sourcelist "$dir/sources.list";
		Dir::Etc::sourceparts "/dev/null";
		Dir::Etc::preferences "/dev/null";
		Dir::Etc::preferencesparts "/dev/null";
	EOF
	private_apt "$suite" apt-get update -qq --error-on=any
}

# unpack_packages SUITE DIR PACKAGE...: download and unpack into DIR, nothing is installed.
unpack_packages() {
	local suite=$1 dir=$2 deb
	shift 2
	mkdir -p "$dir" "$dir.debs"
	(cd "$dir.debs" && private_apt "$suite" apt-get download -qq "$@")
	for deb in "$dir.debs"/*.deb; do
		dpkg-deb -x "$deb" "$dir"
	done
	rm -rf "$dir.debs"
}
