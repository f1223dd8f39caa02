#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proves that scripts/vm can say no: each way in which a guest may fail is made to happen. KTAP out,
# exit 0 if all is as it must be. Boots about ten guests, two at a time: under two minutes.

set -euo pipefail

vm=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/scripts/vm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

count=0 failed=0
echo "KTAP version 1"

# check NAME COMMAND...: one test line; COMMAND's success is the result.
check() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@"; then
		echo "ok $count $name"
	else
		echo "not ok $count $name"
		failed=$((failed + 1))
		sed 's/^/# /' "$work/$guest".{code,out,err}
	fi
}

# start NAME OPTION... -- COMMAND...: a guest in the background with its results in files.
start() {
	local name=$1
	shift
	{
		local code=0 begin=$SECONDS
		"$vm" run "$@" >"$work/$name.out" 2>"$work/$name.err" || code=$?
		echo "$code" >"$work/$name.code"
		echo $((SECONDS - begin)) >"$work/$name.seconds"
	} &
}

code_is() { [[ $(<"$work/$guest.code") == "$1" ]]; }
out_has() { grep -qE -- "$1" "$work/$guest.out"; }
out_is() { [[ $(<"$work/$guest.out") == "$1" ]]; }
err_has() { grep -qE -- "$1" "$work/$guest.err"; }
up_within() { (($(sed -n 's/^\([0-9]*\)\.[0-9]* .*/\1/p' "$work/$guest.out") < $1)); }
within() { (($(<"$work/$guest.seconds") <= $1)); }

# Runs in a guest. With Debian 13's OpenSSL, which is built with kernel TLS: one connection on both ends,
# whose counters the kernel shows only if it has loaded the module on its own.
in_guest_facts() {
	uname -r
	openssl version
	echo "tls before: $(grep -c '^tls ' /proc/modules)"
	openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=x -keyout /tmp/k -out /tmp/c 2>/dev/null
	openssl s_server -ktls -cert /tmp/c -key /tmp/k -accept 4433 -www >/dev/null 2>&1 &
	for _ in {1..50}; do
		ss -tlnH 'sport = :4433' | grep -q . && break
		sleep 0.1
	done
	printf 'GET / HTTP/1.0\r\n\r\n' | timeout 10 openssl s_client -ktls -quiet -connect 127.0.0.1:4433 >/dev/null 2>&1
	awk '/^Tls[TR]xSw/ { print $1, ($2 > 0 ? "grew" : "still") }' /proc/net/tls_stat
	ip netns add a && ip link add v0 type veth peer name v1 netns a && echo 'veth: yes'
	grep -qs gcm-aesni /proc/crypto && echo 'aesni: yes'
	getent passwd sluice www-data | wc -l
	touch "$PWD/build.try" /tmp/try /run/try && echo 'writable: yes'
}

facts() {
	declare -f in_guest_facts
	echo in_guest_facts
}

"$vm" prepare
start k6.1 --kernel 6.1 --root 13 -- bash -c "$(facts)"
start k6.12 --kernel 6.12 --root 13 -- bash -c "$(facts)"
wait
start k7 --kernel 7 --root 13 -- bash -c "$(facts)"
wait
# Alone, because its time is looked at.
start root12 --root 12 -- sh -c 'openssl version; cat /proc/uptime'
wait
start code -- sh -c 'echo out; echo err >&2; exit 42'
start warning -- sh -c 'echo "<4>WARNING: CPU: 0 PID: 1 at made/up.c:1" >/dev/kmsg; echo done'
wait
start oops -- sh -c 'echo before; echo c >/proc/sysrq-trigger; sleep 600'
start hang --timeout 15 -- sh -c 'echo started; sleep 600'
wait
start stream -- sh -c 'head -c 20000000 /dev/zero; sleep 600 & echo end >/dev/stderr'
start advice -- sh -c 'echo "<4>Spectre V2 : WARNING: advice" >/dev/kmsg; echo "WARNING: mine"'
wait

for series in 6.1 6.12 7; do
	guest=k$series
	check "kernel $series: exit code 0" code_is 0
	check "kernel $series: uname" out_has "^${series//./\\.}\."
	check "kernel $series: OpenSSL 3.5 in root 13" out_has '^OpenSSL 3\.5\.'
	check "kernel $series: tls is not loaded at the start" out_has '^tls before: 0'
	check "kernel $series: tls loads itself and sends" out_has '^TlsTxSw grew'
	check "kernel $series: tls receives" out_has '^TlsRxSw grew'
	check "kernel $series: network namespaces and veth" out_has '^veth: yes'
	check "kernel $series: AES-NI" out_has '^aesni: yes'
	check "kernel $series: users sluice and www-data" out_has '^2$'
	check "kernel $series: tree, /tmp and /run are writable" out_has '^writable: yes'
done
guest=root12
check 'OpenSSL 3.0 in root 12' out_has '^OpenSSL 3\.0\.'
check 'userspace is reached within 15 s' up_within 15
guest=code
check 'exit code is passed on' code_is 42
check 'stdout holds the output and nothing else' out_is out
check 'stderr holds the errors' err_has '^err$'
guest=warning
check 'a kernel warning fails the run' code_is 123
check 'a kernel warning is shown' err_has 'WARNING: CPU: 0 PID: 1 at made/up'
check 'a kernel warning does not hide the output' out_is 'done'
guest=oops
check 'an oops ends the run' code_is 125
check 'an oops is shown' err_has 'sysrq_handle_crash|Kernel panic'
check 'an oops does not wait for the deadline' within 60
guest=hang
check 'a hang ends at the deadline' code_is 124
check 'a hang ends in time' within 25
check 'a hang shows the log' err_has 'no end after 15 s'
guest=stream
check 'a daemon left behind does not hold the run' code_is 0
check 'no byte of a long output is lost' test "$(wc -c <"$work/stream.out")" = 20000000
check '/dev/stderr can be opened' err_has '^end$'
guest=advice
check 'advice about the CPU and text of the job do not fail the run' code_is 0

echo "1..$count"
echo "# $((count - failed)) passed, $failed failed, 0 skipped"
((failed == 0))
