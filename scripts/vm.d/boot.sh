# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154  # shared with scripts/vm
# One guest from start to verdict. Sourced by scripts/vm.
#
#   host: run directory                guest
#   job.cpio  --- second initrd -----> /init, then /job/{env,command,session}
#   tree.sqfs --- disk "tree" -------> the project at its own path, writable in memory
#   stdout, stderr <-- virtio ports -- the job's streams, each its own; shown as they grow
#   status    <------- virtio port --- "ready UPTIME", "exit CODE"
#   console.log <----- ttyS0 --------- the kernel's messages and nothing else

# A message that starts so fails the run. RCU stalls and hung tasks count too: their limit is 120 s of
# guest time (see kernel_cmdline), far above what emulation on a busy host takes. Left out on purpose:
# soft lockups (the watchdog is off, a virtual CPU that gets no time looks like one) and clocksource
# messages. Text after a prefix ("Spectre V2 : WARNING") is advice about the CPU and does not count.
log_bad='WARNING|BUG|Oops|KASAN|KCSAN|UBSAN|KFENCE|general protection fault|kernel BUG|Kernel panic'
log_bad+='|refcount_t|list_(add|del) corruption|invalid opcode|stack segment|divide error|double fault'
log_bad+='|unregister_netdevice: waiting|INFO: task .* blocked|rcu: INFO: .* stall'
log_bad+='|vm: guest'
log_bad_re="^\[ *[0-9]+\.[0-9]+\](\[ *[CT][0-9]+\])? ($log_bad)"

exit_timeout=124
exit_broken=125
exit_kernel=123

# tree_tar: what the guest needs of the tree: all but git and what only the compiler reads. A build that
# goes on meanwhile is no error (tar's exit code 1).
tree_tar() {
	tar -C "$vm_tree" --owner=0 --group=0 --exclude-vcs --exclude='./build/*.o' --exclude='./build/*.d' \
		--exclude='./build/*.a' --warning=no-file-changed --warning=no-file-removed -c . || (($? == 1))
}

tree_pack() { tree_tar | tar2sqfs -q -f -c lz4 "$1"; }

# job_pack DIR COMMAND...: the guest's init and what it has to do, as an initramfs.
job_pack() {
	local dir=$1 guest=$vm_scripts/vm.d/guest
	shift
	mkdir -p "$dir/initramfs/job"
	cp "$guest/init" "$dir/initramfs/init"
	cp "$guest/session" "$dir/initramfs/job/session"
	chmod 755 "$dir/initramfs/init"
	printf 'VM_%s=%q\n' TREE "$vm_tree" KERNEL "$opt_kernel" ROOT "$opt_root" MODE "$vm_mode" \
		TERM "${TERM:-dumb}" STTY "$(terminal_size)" >"$dir/initramfs/job/env"
	((!$#)) || printf 'exec%s\n' "$(printf ' %q' "$@")" >"$dir/initramfs/job/command"
	(cd "$dir/initramfs" && find . | cpio --quiet -o -H newc -R 0:0) >"$dir/job.cpio"
	cat "$vm_cache/kernel/$opt_kernel/current/initrd" "$dir/job.cpio" >"$dir/initrd"
}

terminal_size() {
	local rows cols
	[[ ! -t 0 ]] || { read -r rows cols < <(stty size) && echo "rows $rows cols $cols"; }
}

kernel_cmdline() {
	echo console=ttyS0 loglevel=7 printk.devkmsg=on panic=-1 oops=panic nowatchdog \
		rcupdate.rcu_cpu_stall_timeout=120 tsc=reliable no_timer_check mitigations=off nokaslr \
		random.trust_cpu=on
}

# qemu_args DIR: the machine, one argument a line.
qemu_args() {
	local dir=$1 name kernel
	kernel=$(kernel_dir "$opt_kernel")
	printf '%s\n' -machine q35 -cpu max -accel tcg,thread=multi -smp "$opt_cpus" -m "$opt_mem" \
		-nodefaults -no-user-config -display none -nic none -no-reboot \
		-kernel "$kernel/vmlinuz" -initrd "$dir/initrd" -append "$(kernel_cmdline)" \
		-chardev "file,id=log,path=$dir/console.log" -serial chardev:log \
		-device virtio-rng-pci -device virtio-serial-pci,max_ports=8
	for name in "root=$(root_image "$opt_root")" "modules=$kernel/modules.sqfs" "tree=$dir/tree.sqfs"; do
		printf '%s\n' -drive "if=none,format=raw,read-only=on,id=${name%%=*},file=${name#*=}" \
			-device "virtio-blk-pci,drive=${name%%=*},serial=${name%%=*}"
	done
	if [[ $vm_mode == shell ]]; then
		printf '%s\n' -chardev stdio,id=tty,signal=off -device virtconsole,chardev=tty
	else
		for name in stdout stderr; do
			printf '%s\n' -chardev "file,id=$name,path=$dir/$name" \
				-device "virtserialport,chardev=$name,name=$name"
		done
	fi
	printf '%s\n' -chardev "file,id=status,path=$dir/status" \
		-device virtserialport,chardev=status,name=status
}

# boot_run DIR: run the guest with its streams on ours until it ends or the deadline passes; the
# emulator's exit code. The emulator dies with this script even if that is killed hard. The streams go
# through files, not pipes: what a pipe has no room for would be lost when the guest powers off.
boot_run() {
	local dir=$1 code=0 args follow=(setpriv --pdeathsig TERM tail -c +1 -s 0.1 -f) readers=()
	mapfile -t args < <(qemu_args "$dir")
	touch "$dir/stdout" "$dir/stderr"
	setpriv --pdeathsig TERM timeout -k 5 "$opt_timeout" qemu-system-x86_64 "${args[@]}" \
		</dev/null >"$dir/qemu.log" 2>&1 &
	vm_pid=$!
	"${follow[@]}" --pid="$vm_pid" "$dir/stdout" &
	readers+=($!)
	"${follow[@]}" --pid="$vm_pid" "$dir/stderr" >&2 &
	readers+=($!)
	wait "$vm_pid" || code=$?
	vm_pid=''
	wait "${readers[@]}" || true
	return "$code"
}

# boot_shell DIR: the same with our terminal as the guest's. In the background too, so that the trap can
# end the emulator when the terminal goes away.
boot_shell() {
	local code=0 args
	mapfile -t args < <(qemu_args "$1")
	setpriv --pdeathsig TERM qemu-system-x86_64 "${args[@]}" <&0 2>"$1/qemu.log" &
	vm_pid=$!
	wait "$vm_pid" || code=$?
	vm_pid=''
	return "$code"
}

# emulator_broke DIR: did the guest die of docs/decisions/0006 with nothing to show for it?
emulator_broke() {
	[[ ! -s $1/stdout && ! -s $1/stderr ]] && ! grep -qs '^exit ' "$1/status" &&
		grep -aqsE 'int3: 0000|Oops: int3' "$1/console.log"
}

# verdict DIR CODE: turn what the guest left behind into an exit code; CODE is the emulator's.
verdict() {
	local dir=$1 code=$2 guest bad
	guest=$(sed -n 's/^exit //p' "$dir/status" 2>/dev/null || true)
	bad=$(grep -m 5 -aE "$log_bad_re" "$dir/console.log" 2>/dev/null || true)
	if [[ -n $bad ]]; then
		keep_log "$dir" 'the kernel complained'
		grep -aE -m 1 -B 5 -A 60 "$log_bad_re" "$dir/console.log" >&2
	fi
	if ((code == 124)); then
		[[ -n $bad ]] || show_tail "$dir" "no end after $opt_timeout s"
		say "ended at the deadline of $opt_timeout s"
		return $exit_timeout
	fi
	if [[ -z $guest ]]; then
		[[ -n $bad ]] || show_tail "$dir" 'the guest ended without a result'
		cat "$dir/qemu.log" >&2
		return $exit_broken
	fi
	((guest == 0)) || return "$guest"
	[[ -z $bad ]] || return $exit_kernel
}

# keep_log DIR WHY: save the kernel's log where the user can read it after the run.
keep_log() {
	local kept
	mkdir -p "$vm_cache/log"
	find "$vm_cache/log" -type f -mtime +7 -delete
	kept=$vm_cache/log/$(date +%Y%m%d-%H%M%S)-$opt_kernel-$$.log
	cp "$1/console.log" "$kept"
	say "$2; kernel $opt_kernel, root $opt_root, log: $kept"
}

show_tail() {
	keep_log "$1" "$2"
	tail -n 40 "$1/console.log" >&2
}
