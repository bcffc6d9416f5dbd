/*
 * Where packets can be redirected to by a map: a device, whose entry has a
 * program, a CPU with a program, and the sockets of the queues. Each program
 * writes down what it is told of a packet's place: on_device and on_cpu do not
 * learn the queue, and only on_device the way out.
 */
#include "../packet.h"

struct place {
	__u64 packets;
	__u32 queues; /* a bit each */
	__u32 cpus; /* a bit each */
	__u32 ingress;
	__u32 egress;
};

enum place_of { AT_ENTRY, ON_DEVICE, ON_CPU, PLACES };

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, enum place_of);
	__type(value, struct place);
} places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CPUMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, struct bpf_cpumap_val);
} remote SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

static __always_inline void note(struct xdp_md *ctx, enum place_of key, __u32 egress)
{
	struct place *place = bpf_map_lookup_elem(&places, &key);

	if (!place)
		return;
	place->packets++;
	place->queues |= 1 << (ctx->rx_queue_index & 31);
	place->cpus |= 1 << (bpf_get_smp_processor_id() & 31);
	place->ingress = ctx->ingress_ifindex;
	place->egress = egress;
}

SEC("xdp")
int to_device(struct xdp_md *ctx)
{
	note(ctx, AT_ENTRY, 0);
	return bpf_redirect_map(&devices, 0, XDP_ABORTED);
}

SEC("xdp")
int to_cpu(struct xdp_md *ctx)
{
	note(ctx, AT_ENTRY, 0);
	return bpf_redirect_map(&remote, 2, XDP_ABORTED);
}

SEC("xdp")
int to_socket(struct xdp_md *ctx)
{
	return bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_PASS);
}

SEC("xdp/devmap")
int on_device(struct xdp_md *ctx)
{
	note(ctx, ON_DEVICE, ctx->egress_ifindex);
	return XDP_PASS;
}

/* the same without any helper, which engines may run in another way */
SEC("xdp/devmap")
int only_device_7(struct xdp_md *ctx)
{
	return ctx->egress_ifindex == 7 && ctx->rx_queue_index == 0 ? XDP_PASS : XDP_DROP;
}

SEC("xdp/cpumap")
int on_cpu(struct xdp_md *ctx)
{
	note(ctx, ON_CPU, 0);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
