/*
 * What older versions of libbpf and bpftool refuse: data in .bss.NAME, which is
 * a map of its own, and a program that is not loaded unless the loader is told
 * so ("?xdp").
 */
#include "../packet.h"

__u64 packets SEC(".bss.packets");
__u64 bytes[2] SEC(".bss.bytes");

SEC("xdp")
int bss_named(struct xdp_md *ctx)
{
	packets++;
	bytes[packets & 1] += ctx->data_end - ctx->data;
	return XDP_PASS;
}

SEC("?xdp")
int optional(struct xdp_md *ctx)
{
	packets--;
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "GPL";
