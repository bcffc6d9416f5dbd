/*
 * A static function that was put into the section of the programs that call it,
 * between them. libbpf wants such functions in .text and refuses the object;
 * other loaders take it. The object reader has to tell it from a program.
 */
#include "../packet.h"

__u64 lengths;

static __noinline __attribute__((section("xdp"))) int decide(struct xdp_md *ctx, __u32 limit)
{
	__u32 len = ctx->data_end - ctx->data;

	lengths += len;
	return len > limit ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int first(struct xdp_md *ctx)
{
	return decide(ctx, 100);
}

SEC("xdp")
int second(struct xdp_md *ctx)
{
	return decide(ctx, 1000);
}

char LICENSE[] SEC("license") = "GPL";
