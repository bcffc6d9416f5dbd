/*
 * Replaces a function of chain.bpf.c's dispatcher (freplace): drops what is
 * longer than a constant, counts in a map of its own and prints.
 */
#include "../packet.h"

const volatile __u32 most = 100;
__u64 dropped;

static __noinline int is_long(struct xdp_md *ctx)
{
	return ctx->data_end - ctx->data > most;
}

SEC("freplace/slot1")
int drop_long(struct xdp_md *ctx)
{
	if (!is_long(ctx))
		return XDP_PASS;
	dropped++;
	bpf_printk("dropped %d", (int)(ctx->data_end - ctx->data));
	return XDP_DROP;
}

SEC("freplace/no_such_function")
int misplaced(struct xdp_md *ctx)
{
	return XDP_PASS;
}

/* another prototype than the function that it is to replace */
SEC("freplace/slot0")
int two_arguments(struct xdp_md *ctx, int number)
{
	return ctx->data == number ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
