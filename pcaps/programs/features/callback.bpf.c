/*
 * A function given to a helper: bpf_loop calls it up to 64 times. In the object
 * it is an lddw whose relocation names the function.
 */
#include "../packet.h"

__u64 calls;
__u64 total;

static int add_number(__u64 i, __u64 *limit)
{
	calls++;
	total += i;
	return i >= *limit;
}

SEC("xdp")
int callback(struct xdp_md *ctx)
{
	__u64 limit = (ctx->data_end - ctx->data) & 127;

	return bpf_loop(64, add_number, &limit, 0) == 64 ? XDP_PASS : XDP_DROP;
}

char LICENSE[] SEC("license") = "GPL";
