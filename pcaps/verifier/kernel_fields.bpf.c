/*
 * Values with fields of the kernel's own that XDP programs rarely use: a program may
 * have such maps and read what is beside the fields. kernel_fields.tsv has the kernel's
 * answers.
 */
#include "../programs/packet.h"

#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))

struct task_struct {
	int pid;
} __attribute__((preserve_access_index));

/* of which only the name is known */
struct net_device;

struct bpf_list_head {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct bpf_list_node {
	__u64 __opaque[3];
} __attribute__((aligned(8)));

struct bpf_refcount {
	__u32 __opaque[1];
} __attribute__((aligned(4)));

struct bpf_wq {
	__u64 __opaque[2];
} __attribute__((aligned(8)));

struct pointed {
	__u64 counter;
	struct task_struct __kptr *task;
	struct task_struct __kptr_untrusted *other;
};

struct unknown {
	__u64 counter;
	struct net_device __kptr_untrusted *device;
};

struct working {
	__u64 counter;
	struct bpf_wq work;
};

struct node {
	struct bpf_list_node node;
	__u64 data;
};

struct listed {
	__u64 counter;
	struct bpf_spin_lock lock;
	struct bpf_list_head head __contains(node, node);
};

#define MAP(name, map_type, value_type)				\
	struct {						\
		__uint(type, map_type);				\
		__uint(max_entries, 4);				\
		__type(key, __u32);				\
		__type(value, struct value_type);		\
	} name SEC(".maps")

MAP(pointed, BPF_MAP_TYPE_HASH, pointed);
MAP(pointed_percpu, BPF_MAP_TYPE_PERCPU_ARRAY, pointed);
MAP(unknown, BPF_MAP_TYPE_HASH, unknown);
MAP(working, BPF_MAP_TYPE_ARRAY, working);
MAP(working_percpu, BPF_MAP_TYPE_PERCPU_HASH, working);
MAP(listed, BPF_MAP_TYPE_LRU_HASH, listed);
MAP(listed_array, BPF_MAP_TYPE_ARRAY, listed);

/* keep types in the object */
struct node unused_node SEC(".data.unused");
struct task_struct unused_task SEC(".data.unused");

#define CASE(name, map, value_type, body)				\
	SEC("xdp") int name(struct xdp_md *ctx)				\
	{								\
		__u32 key = ctx->rx_queue_index;			\
		struct value_type *v = bpf_map_lookup_elem(&map, &key);	\
									\
		if (!v)							\
			return XDP_PASS;				\
		body;							\
		return XDP_PASS;					\
	}

CASE(beside_pointer, pointed, pointed, v->counter++)
CASE(beside_percpu_pointer, pointed_percpu, pointed, v->counter++)
CASE(pointer_in_part, pointed, pointed, return *(volatile __u32 *)&v->task)
CASE(pointer_crosswise, pointed, pointed, return *(volatile __u64 *)((char *)v + 4))
CASE(pointer_in_key, pointed, pointed, return bpf_map_lookup_elem(&working, (char *)v + 8) != 0)
CASE(pointer_to_unknown, unknown, unknown, return *(volatile __u32 *)&v->device)
CASE(beside_work, working, working, v->counter++)
CASE(work_read, working, working, return *(volatile __u64 *)&v->work)
CASE(percpu_work_read, working_percpu, working, return *(volatile __u64 *)&v->work)
CASE(beside_list, listed_array, listed, v->counter++)
CASE(list_read, listed_array, listed, return *(volatile __u64 *)&v->head)
CASE(list_lock, listed_array, listed, bpf_spin_lock(&v->lock); v->counter++; bpf_spin_unlock(&v->lock))
CASE(list_in_lru, listed, listed, v->counter++)

char LICENSE[] SEC("license") = "GPL";
