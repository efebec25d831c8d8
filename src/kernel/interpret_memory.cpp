#include <algorithm>
#include <cstring>

#include "kernel/interpret_types.h"

namespace tempera::kernel::interpreter {
namespace {

template <typename T>
T* base_of(const State& state, const Memory& memory, int32_t number) {
  return reinterpret_cast<T*>(memory.offset >= 0 ? state.frame + memory.offset
                                                 : state.bases[number]);
}

void check_index(const char* what, const BufferNode& buffer, int64_t first, int64_t count) {
  CHECK(first >= 0 && first + count <= buffer.size, "{} of {}[{}], which holds {}", what,
        buffer.name, first < 0 ? first : first + count - 1, buffer.size);
}

template <typename T, Access kAccess>
void run_load(State& state, const Instruction& in) {
  const Memory& memory = state.program->memories[in.element];
  const T* base = base_of<T>(state, memory, in.element);
  const int32_t* index = at<int32_t>(state, in.a);
  T* out = at<T>(state, in.out);
  if constexpr (kAccess.contiguous) {
    check_index("load", *memory.buffer, *index, in.lanes);
    std::memcpy(out, base + *index, in.lanes * sizeof(T));
    return;
  }
  for (int i = 0; i < in.lanes; ++i) {
    if (kAccess.masked && !at<Bool>(state, in.b)[i]) {
      out[i] = T{};
      continue;
    }
    check_index("load", *memory.buffer, index[i], 1);
    out[i] = base[index[i]];
  }
}

template <typename T, Access kAccess>
void run_store(State& state, const Instruction& in) {
  const Memory& memory = state.program->memories[in.element];
  T* base = base_of<T>(state, memory, in.element);
  const int32_t* index = at<int32_t>(state, in.a);
  const T* value = at<T>(state, in.b);
  if constexpr (kAccess.contiguous) {
    check_index("store", *memory.buffer, *index, in.lanes);
    std::memcpy(base + *index, value, in.lanes * sizeof(T));
    return;
  }
  for (int i = 0; i < in.lanes; ++i) {
    if (kAccess.masked && !at<Bool>(state, in.c)[i]) continue;
    check_index("store", *memory.buffer, index[i], 1);
    base[index[i]] = value[i];
  }
}

// An array of vectors: one scalar index, a mask for the vector's lanes. A vector that is switched
// off altogether is not touched.
template <typename T, bool kStore>
void run_vector_access(State& state, const Instruction& in) {
  const Memory& memory = state.program->memories[in.element];
  const int32_t index = *at<int32_t>(state, in.a);
  const int32_t mask_slot = kStore ? in.c : in.b;
  const Bool* mask = mask_slot == 0 ? nullptr : at<Bool>(state, mask_slot);
  if (!mask || std::any_of(mask, mask + in.lanes, [](Bool on) { return on; }))
    check_index(kStore ? "store" : "load", *memory.buffer, index, 1);
  T* there = base_of<T>(state, memory, in.element) + static_cast<int64_t>(index) * in.lanes;
  for (int i = 0; i < in.lanes; ++i) {
    const bool on = !mask || mask[i];
    if constexpr (kStore) {
      if (on) there[i] = at<T>(state, in.b)[i];
    } else {
      at<T>(state, in.out)[i] = on ? there[i] : T{};
    }
  }
}

template <typename T>
void write_as(const ExprNode& constant, std::byte* out) {
  const T value = is_float(constant.type.dtype) ? T(static_cast<Wide<T>>(constant.number))
                                                : T(static_cast<Wide<T>>(constant.integer));
  std::memcpy(out, &value, sizeof(T));
}

}  // namespace

Run run_of_load(const BufferNode& buffer, Access access) {
  return by_size(buffer.type.dtype, [&]<typename T>() -> Run {
    if (!buffer.type.is_scalar()) return run_vector_access<T, false>;
    if (access.contiguous) return run_load<T, Access{false, true}>;
    return access.masked ? Run(run_load<T, Access{true, false}>) : Run(run_load<T, Access{}>);
  });
}

Run run_of_store(const BufferNode& buffer, Access access) {
  return by_size(buffer.type.dtype, [&]<typename T>() -> Run {
    if (!buffer.type.is_scalar()) return run_vector_access<T, true>;
    if (access.contiguous) return run_store<T, Access{false, true}>;
    return access.masked ? Run(run_store<T, Access{true, false}>) : Run(run_store<T, Access{}>);
  });
}

void write_constant(const ExprNode& constant, std::byte* out) {
  by_any(constant.type.dtype, [&]<typename T>() -> Run {
    write_as<T>(constant, out);
    return nullptr;
  });
}

}  // namespace tempera::kernel::interpreter
