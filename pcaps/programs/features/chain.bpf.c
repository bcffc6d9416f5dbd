/*
 * Programs that share a NIC by libxdp's rules: section .xdp_run_config says in
 * which order they run, and after which actions the next one does. A
 * dispatcher with functions to be replaced (freplace), and one to replace them.
 */
#include "../packet.h"

#define XDP_RUN_CONFIG(name) _##name SEC(".xdp_run_config")

__u32 order[4];
__u32 ran;

static __always_inline void note(__u32 who)
{
	if (ran < 4)
		order[ran & 3] = who;
	ran++;
}

/* runs second, and lets the next one see what it drops too */
struct {
	__uint(priority, 20);
	__uint(XDP_PASS, 1);
	__uint(XDP_DROP, 1);
} XDP_RUN_CONFIG(short_ones);

SEC("xdp")
int short_ones(struct xdp_md *ctx)
{
	note(2);
	return ctx->data_end - ctx->data < 70 ? XDP_DROP : XDP_PASS;
}

/* runs first, for its lower number; nothing passes on what it sends back */
struct {
	__uint(priority, 10);
} XDP_RUN_CONFIG(echo);

SEC("xdp")
int echo(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	note(1);
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_PASS);
	eth->dst[0] ^= 2;
	return eth->proto == bpf_htons(ETH_P_ARP) ? XDP_TX : XDP_PASS;
}

/* says nothing: priority 50, goes on after XDP_PASS */
SEC("xdp")
int last(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;

	note(3);
	HEADER_OR_RETURN(struct eth_hdr, eth, data, end, XDP_ABORTED);
	return eth->dst[0] & 2 ? XDP_ABORTED : XDP_PASS;
}

__attribute__((noinline)) int slot0(struct xdp_md *ctx)
{
	volatile int ret = 31;

	if (!ctx)
		return XDP_ABORTED;
	return ret;
}

__attribute__((noinline)) int slot1(struct xdp_md *ctx)
{
	volatile int ret = 31;

	if (!ctx)
		return XDP_ABORTED;
	return ret;
}

SEC("xdp")
int dispatcher(struct xdp_md *ctx)
{
	int ret = slot0(ctx);

	if (ret != XDP_PASS && ret != 31)
		return ret;
	ret = slot1(ctx);
	return ret == 31 ? XDP_PASS : ret;
}

char LICENSE[] SEC("license") = "GPL";
