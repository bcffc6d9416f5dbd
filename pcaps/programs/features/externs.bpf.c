/*
 * Externs: values of the kernel's configuration (.kconfig), of which some are
 * not there (weak: 0), and a kernel symbol that is not there (weak: null).
 */
#include "../packet.h"
#include <stdbool.h>

extern int LINUX_KERNEL_VERSION __kconfig;
extern bool CONFIG_BPF_SYSCALL __kconfig __weak;
extern unsigned long CONFIG_SLUICE_ABSENT __kconfig __weak;
extern char CONFIG_SLUICE_ABSENT_NAME[16] __kconfig __weak;
extern enum libbpf_tristate CONFIG_SLUICE_ABSENT_TRISTATE __kconfig __weak;
extern const void sluice_absent_symbol __ksym __weak;

__u32 kernel_version;
__u64 absent = ~0ull;
__u8 absent_name = 0xff;
__u32 absent_tristate = ~0u;

SEC("xdp")
int externs(struct xdp_md *ctx)
{
	kernel_version = LINUX_KERNEL_VERSION;
	absent = CONFIG_SLUICE_ABSENT + (&sluice_absent_symbol ? 1 : 0);
	absent_name = CONFIG_SLUICE_ABSENT_NAME[0];
	absent_tristate = CONFIG_SLUICE_ABSENT_TRISTATE;
	return CONFIG_BPF_SYSCALL || !absent ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
