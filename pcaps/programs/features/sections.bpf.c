/*
 * Programs in all the sections that mean XDP: plain, with fragments, and those
 * that run for the entries of a devmap or a cpumap, which nobody can run by
 * themselves. One section has two programs.
 */
#include "../packet.h"

__u64 packets[7];

SEC("xdp")
int plain_one(struct xdp_md *ctx)
{
	packets[0]++;
	return XDP_PASS;
}

SEC("xdp")
int plain_two(struct xdp_md *ctx)
{
	packets[1]++;
	return XDP_DROP;
}

SEC("xdp.frags")
int with_frags(struct xdp_md *ctx)
{
	packets[2]++;
	return XDP_PASS;
}

SEC("xdp/devmap")
int for_devmap(struct xdp_md *ctx)
{
	packets[3] += ctx->egress_ifindex;
	return XDP_PASS;
}

SEC("xdp.frags/devmap")
int for_devmap_frags(struct xdp_md *ctx)
{
	packets[4]++;
	return XDP_PASS;
}

SEC("xdp/cpumap")
int for_cpumap(struct xdp_md *ctx)
{
	packets[5] += ctx->ingress_ifindex;
	return XDP_PASS;
}

SEC("xdp.frags/cpumap")
int for_cpumap_frags(struct xdp_md *ctx)
{
	packets[6]++;
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
