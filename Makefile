# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive. `make help` lists the targets.

VERSION := 0.1.0
BUILD   := build
CC      ?= cc
CLANG   ?= clang
MULTIARCH ?= $(shell $(CC) -dumpmachine)
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
KERNEL  ?= 6.12
ROOT    ?= 12
SIZE    ?= 64MiB
PREFIX  ?= /usr/local

LIBS := openssl libcyaml yaml-0.1 libmnl jansson libmicrohttpd libbpf libcap-ng

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wformat=2 -Wundef
HARDENING := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
CFLAGS  ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARNINGS) $(HARDENING) $(CFLAGS) $(SANITIZE) -D_GNU_SOURCE \
	-DSLUICE_VERSION='"$(VERSION)"' -Iuserspace -I. -isystem $(BUILD)/bpf
LDFLAGS += -pie -Wl,-z,relro,-z,now $(SANITIZE)
LDLIBS   = $(shell pkg-config --libs $(LIBS))

# The same rules build a second tree under the sanitizers: make BUILD=build/asan SANITIZE=...
SOURCES  := $(wildcard userspace/*/*.c)
OBJECTS  := $(SOURCES:%.c=$(BUILD)/%.o)
LIB_OBJECTS := $(filter-out $(BUILD)/userspace/cli/main.o,$(OBJECTS))
BPF_OBJECTS   := $(patsubst %.c,$(BUILD)/%.o,$(wildcard bpf/*.bpf.c))
BPF_SKELETONS := $(patsubst bpf/%.bpf.c,$(BUILD)/bpf/%.skel.h,$(wildcard bpf/*.bpf.c))

# selftests/<suite>/*.c make one program each, with the harness and the shared library.
SUITES := unit contract e2e interop fault
TEST_COMMON := $(wildcard selftests/harness/*.c selftests/lib/*.c)
TEST_OBJECTS := $(TEST_COMMON:%.c=$(BUILD)/%.o)
# What a suite shares with another one.
MORE_interop := selftests/e2e/e2e.c selftests/e2e/prove.c
MORE_fault := $(MORE_interop)
SUITE_SOURCES := $(foreach s,$(SUITES),$(wildcard selftests/$(s)/*.c))
SUITE_PROGRAMS := $(foreach s,$(SUITES),$(if $(wildcard selftests/$(s)/*.c),$(BUILD)/selftests/$(s).suite))

# selftests/soak/*.c are a program of their own: conversations instead of tests.
SOAK_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard selftests/soak/*.c))
SECONDS ?= 60

# selftests/fuzz/*.c are one target each; replay.c drives them where libFuzzer does not.
FUZZ_TIME ?= 60
FUZZ_TARGETS := $(filter-out replay,$(patsubst selftests/fuzz/%.c,%,$(wildcard selftests/fuzz/*.c)))
FUZZ_REPLAYS := $(FUZZ_TARGETS:%=$(BUILD)/selftests/fuzz/%.replay)
FUZZERS := $(FUZZ_TARGETS:%=$(BUILD)/selftests/fuzz/%.fuzzer)

# V=1 shows the commands.
Q := $(if $(V),,@)

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

ALL_OBJECTS := $(OBJECTS) $(TEST_OBJECTS) $(SUITE_SOURCES:%.c=$(BUILD)/%.o) $(SOAK_OBJECTS) \
	$(patsubst %.c,$(BUILD)/%.o,$(wildcard selftests/fuzz/*.c selftests/inject/*.c selftests/e2e/*.c selftests/bench/*.c))
-include $(ALL_OBJECTS:.o=.d)

.PHONY: all
all: deps $(BUILD)/sluice ## build the program (the default)

.PHONY: deps
deps: ## install the missing Debian packages
	@scripts/deps build

$(ALL_OBJECTS) $(BPF_OBJECTS): | deps

$(BUILD)/sluice: $(BUILD)/userspace/cli/main.o $(BUILD)/libsluice.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libsluice.a: $(LIB_OBJECTS)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -target bpf -O2 -g -Wall -Werror -I/usr/include/$(MULTIARCH) -c -o $@ $<

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@

$(BUILD)/userspace/sys/bpf.o: $(BPF_SKELETONS)

define suite_rule
$(BUILD)/selftests/$(1).suite: $(patsubst %.c,$(BUILD)/%.o,$(wildcard selftests/$(1)/*.c) $(MORE_$(1))) \
		$(TEST_OBJECTS) $(BUILD)/libsluice.a
	$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(LDLIBS)
endef
$(foreach s,$(SUITES),$(eval $(call suite_rule,$(s))))

$(BUILD)/selftests/interop.suite: | $(BUILD)/selftests/interop/setbuf.so

$(BUILD)/selftests/interop/setbuf.so: selftests/interop/peers/setbuf.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fPIE,$(ALL_CFLAGS)) -fPIC -shared -o $@ $<

$(BUILD)/selftests/interop/Peer.class: selftests/interop/peers/Peer.java
	@mkdir -p $(@D)
	$(Q)javac --release 17 -d $(@D) $<

# Its main() is not the harness's.
$(BUILD)/selftests/soak.bin: $(SOAK_OBJECTS) $(filter-out %/harness.o,$(TEST_OBJECTS)) $(BUILD)/libsluice.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# A daemon whose calls can be made to fail. The loader calls into it before a sanitizer is there.
INJECT_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(wildcard selftests/inject/*.c))
$(INJECT_OBJECTS): SANITIZE :=
$(BUILD)/selftests/inject/sluice: $(BUILD)/userspace/cli/main.o $(INJECT_OBJECTS) $(BUILD)/libsluice.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/selftests/fault.suite: | $(BUILD)/selftests/inject/sluice

$(BUILD)/%.replay: $(BUILD)/%.o $(BUILD)/selftests/fuzz/replay.o $(BUILD)/libsluice.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/%.fuzzer: $(BUILD)/%.o $(BUILD)/libsluice.a
	$(Q)$(CC) $(LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LDLIBS)

.PHONY: suites
suites: all $(SUITE_PROGRAMS) $(if $(filter e2e,$(SUITES)),$(BUILD)/selftests/soak.bin) ## build the test programs

.PHONY: test
test: all suites fault-suite ## everything this machine can run, kernels with kTLS in a guest included
	@scripts/deps test vm
	@scripts/test

.PHONY: selftests
selftests: suites ## the tests on this machine's kernel only (as root)
	@scripts/deps test
	@scripts/test native

.PHONY: vm-selftests
vm-selftests: suites ## the tests in a guest, strict: KERNEL=6.1|6.12|7 ROOT=12|13
	@scripts/deps vm
	@scripts/test vm $(KERNEL) $(ROOT)

.PHONY: interop
interop: suites ## real clients of other TLS libraries, SIZE=64MiB each way: this kernel, guests 6.12 and 7
	@scripts/deps test interop vm
	@$(MAKE) --no-print-directory $(BUILD)/selftests/interop/Peer.class
	@SIZE=$(SIZE) scripts/test interop

SESSIONS ?= 5000
.PHONY: memory
memory: suites ## memory of SESSIONS=5000 idle sessions on OpenSSL, measured
	@scripts/memory $(SESSIONS)

.PHONY: vm-memory
vm-memory: suites ## the same on kernel TLS in a guest: KERNEL=6.12|7 ROOT=12|13
	@scripts/deps vm
	@scripts/memory $(SESSIONS) $(KERNEL) $(ROOT)

.PHONY: check
check: deps ## unit tests and fuzz corpora under ASan and UBSan, no root needed
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) \
		BUILD=build/asan SUITES=unit \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all' suites replays
	@scripts/check build/asan/selftests/unit.suite $(FUZZ_TARGETS:%=build/asan/selftests/fuzz/%.replay)

.PHONY: replays
replays: $(FUZZ_REPLAYS)

.PHONY: fuzz
fuzz: deps ## FUZZ_TIME=60 seconds of libFuzzer for every target; fails on a finding
	@scripts/deps fuzz
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) \
		BUILD=build/fuzz CC=$(CLANG) MULTIARCH=$(MULTIARCH) \
		SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all' fuzzers
	@scripts/fuzz $(FUZZ_TIME) $(FUZZ_TARGETS)

.PHONY: fuzzers
fuzzers: $(FUZZERS)

.PHONY: soak
soak: suites ## random conversations for SECONDS=60 (as root); SEED=N ONLY=INDEX holds one again
	@$(BUILD)/selftests/soak.bin --seconds $(SECONDS) $(if $(ONLY),--only $(ONLY))

.PHONY: vm-soak
vm-soak: suites ## the same in a guest with kTLS: KERNEL=6.1|6.12|7 ROOT=12|13
	@scripts/deps vm
	@scripts/vm run --kernel $(KERNEL) --root $(ROOT) --timeout $$(($(SECONDS) + 900)) -- \
		env TIME_SCALE=4 $(if $(SEED),SEED=$(SEED)) \
		$(BUILD)/selftests/soak.bin --seconds $(SECONDS) $(if $(ONLY),--only $(ONLY))

.PHONY: faults
faults: fault-suite ## the n-th call of each kind fails, on this kernel under ASan and UBSan (as root)
	@scripts/deps test
	@scripts/faults native

.PHONY: fault-suite
fault-suite: deps
	@$(MAKE) --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc)) \
		BUILD=build/asan SUITES=fault \
		SANITIZE='-fsanitize=address,undefined -fno-sanitize-recover=all' suites

.PHONY: vm-faults
vm-faults: suites ## the same in a guest with kTLS, without the sanitizers: KERNEL= ROOT=
	@scripts/deps vm
	@scripts/faults vm $(KERNEL) $(ROOT)

.PHONY: lint
lint: all ## every static check, all blocking
	@scripts/deps lint
	@scripts/lint

.PHONY: bench-policy
bench-policy: all $(BUILD)/selftests/bench/policy.bin ## what long lists of rules cost: to load, and a decision
	@$(BUILD)/selftests/bench/policy.bin

HANDSHAKERS ?= 16
RELOADS ?= 20
ENTRIES ?= 100000

.PHONY: bench-reload
bench-reload: all suites ## handshakes while lists of ENTRIES=100000 are reloaded, as root: HANDSHAKERS=16 RELOADS=20
	@HANDSHAKERS=$(HANDSHAKERS) RELOADS=$(RELOADS) ENTRIES=$(ENTRIES) \
		selftests/harness/run -v --filter 'reload_load.*' $(BUILD)/selftests/e2e.suite

$(BUILD)/selftests/bench/%.bin: $(BUILD)/selftests/bench/%.o $(BUILD)/libsluice.a
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

.PHONY: demo
demo: all ## the main job on real input, on this machine's kernel
	@scripts/deps test
	@scripts/demo

.PHONY: vm-demo
vm-demo: all ## the same in a guest with kTLS: KERNEL=6.1|6.12|7 ROOT=12|13
	@scripts/deps vm
	@scripts/vm run --kernel $(KERNEL) --root $(ROOT) -- scripts/demo

.PHONY: install
install: all ## install below DESTDIR and PREFIX
	install -D -m 0755 $(BUILD)/sluice $(DESTDIR)$(PREFIX)/sbin/sluice

.PHONY: clean
clean: ## remove everything that was built
	rm -rf $(BUILD)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | sort | while IFS="$$(printf '\t')" read -r t d; do \
		printf '  make %-14s %s\n' "$$t" "$$d"; done
