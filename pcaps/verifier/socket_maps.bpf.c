/* Sockets out of maps: looked up, they are references; updates take sockets, not bytes. */
#include "../programs/packet.h"

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} by_key SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} queues SEC(".maps");

SEC("xdp")
int found_and_released(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_sock *socket = bpf_map_lookup_elem(&sockets, &key);
	int type;

	if (!socket)
		return XDP_DROP;
	type = socket->type;
	bpf_sk_release(socket);
	return type;
}

SEC("xdp")
int not_released(struct xdp_md *ctx)
{
	__u32 key = 1;

	return bpf_map_lookup_elem(&by_key, &key) ? 1 : 2;
}

SEC("xdp")
int put_into_another_map(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_sock *socket = bpf_map_lookup_elem(&sockets, &key);

	if (!socket)
		return XDP_DROP;
	bpf_map_update_elem(&by_key, &key, socket, 0);
	bpf_sk_release(socket);
	return XDP_PASS;
}

SEC("xdp")
int update_with_bytes(struct xdp_md *ctx)
{
	__u32 key = 1;
	__u64 value = 2;

	return bpf_map_update_elem(&sockets, &key, &value, 0);
}

SEC("xdp")
int update_with_null(struct xdp_md *ctx)
{
	__u32 key = 1;

	return bpf_map_update_elem(&sockets, &key, 0, 0);
}

SEC("xdp")
int used_after_release(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_sock *socket = bpf_map_lookup_elem(&sockets, &key);

	if (!socket)
		return XDP_DROP;
	bpf_sk_release(socket);
	return socket->family;
}

SEC("xdp")
int delete_is_like_elsewhere(struct xdp_md *ctx)
{
	__u32 key = 1;

	return bpf_map_delete_elem(&by_key, &key);
}

SEC("xdp")
int queue_of_xdp_socket(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_xdp_sock *socket = bpf_map_lookup_elem(&queues, &key);

	return socket ? socket->queue_id : 0;
}

SEC("xdp")
int released_but_not_taken(struct xdp_md *ctx)
{
	__u32 key = 1;
	void *socket = bpf_map_lookup_elem(&queues, &key);

	if (socket)
		bpf_sk_release(socket);
	return XDP_PASS;
}

SEC("xdp")
int behind_xdp_socket(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_xdp_sock *socket = bpf_map_lookup_elem(&queues, &key);

	return socket ? *((volatile __u32 *)socket + 1) : 0;
}

SEC("xdp")
int half_of_xdp_socket(struct xdp_md *ctx)
{
	__u32 key = 1;
	struct bpf_xdp_sock *socket = bpf_map_lookup_elem(&queues, &key);

	return socket ? *(volatile __u16 *)socket : 0;
}


char LICENSE[] SEC("license") = "GPL";
