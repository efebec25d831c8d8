#pragma once

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "backend/cpu/codegen/compile.h"
#include "backend/cpu/codegen/host.h"
#include "backend/cpu/codegen/legalize.h"
#include "backend/cpu/codegen/link.h"
#include "kernel/interpret.h"

namespace tempera::cpu {

using EntryPoint = void (*)(void* const*, void*, int64_t, int64_t);

// Machine code of one kernel, loaded into this process. For tests.
class LoadedKernel {
 public:
  explicit LoadedKernel(const kernel::Kernel& kernel, const Target& target = host_target(),
                        bool may_alias = false)
      : scratch_(static_cast<size_t>(scratch_bytes(kernel)) + 64) {
    const Result<Object> object = compile_kernel({&kernel, may_alias}, target);
    if (!object.ok()) throw std::runtime_error(object.error().message);
    const Result<std::string> library = link_shared({{object->bytes}}, target);
    if (!library.ok()) throw std::runtime_error(library.error().message);
    const int file = memfd_create("kernels", 0);
    EXPECT_EQ(write(file, library->data(), library->size()), ssize_t(library->size()));
    handle_ = dlopen(fmt::format("/proc/self/fd/{}", file).c_str(), RTLD_NOW | RTLD_LOCAL);
    close(file);
    if (!handle_) throw std::runtime_error(dlerror());
    run_ = reinterpret_cast<EntryPoint>(dlsym(handle_, kernel.name.c_str()));
    seconds_ = object->seconds;
  }
  ~LoadedKernel() { dlclose(handle_); }
  LoadedKernel(const LoadedKernel&) = delete;
  LoadedKernel& operator=(const LoadedKernel&) = delete;

  void operator()(std::span<void* const> buffers, int64_t begin, int64_t end) const {
    auto scratch = reinterpret_cast<uintptr_t>(scratch_.data());
    scratch = (scratch + 63) / 64 * 64;
    run_(buffers.data(), reinterpret_cast<void*>(scratch), begin, end);
  }
  double seconds() const { return seconds_; }

 private:
  std::vector<char> scratch_;
  void* handle_ = nullptr;
  EntryPoint run_ = nullptr;
  double seconds_ = 0;
};

// Memory for a parameter, aligned as the runtime aligns it.
struct Memory {
  std::vector<std::byte> bytes;
  std::byte* data = nullptr;
  size_t size = 0;

  explicit Memory(const kernel::Buffer& b)
      : size(static_cast<size_t>(b->size * kernel::size_in_bytes(b->type))) {
    bytes.resize(size + 64);
    data = bytes.data() + (64 - reinterpret_cast<uintptr_t>(bytes.data()) % 64) % 64;
  }
  Memory(Memory&&) = default;
  std::span<std::byte> span() const { return {data, size}; }
  template <typename T>
  std::span<T> as() const {
    return {reinterpret_cast<T*>(data), size / sizeof(T)};
  }
};

inline void fill_random(const Memory& memory, DType dtype, uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-4, 4);
  const auto fill = [&]<typename T>(T, auto value) {
    for (T& x : memory.as<T>()) x = static_cast<T>(value());
  };
  const auto integer = [&] { return static_cast<int>(random() % 256); };
  switch (dtype) {
    case DType::f64:
      return fill(double{}, [&] { return uniform(random); });
    case DType::f32:
      return fill(float{}, [&] { return uniform(random); });
    case DType::f16:
      return fill(uint16_t{}, [&] { return f32_to_f16(uniform(random)); });
    case DType::bf16:
      return fill(uint16_t{}, [&] { return f32_to_bf16(uniform(random)); });
    case DType::i64:
      return fill(int64_t{}, [&] { return integer() - 128; });
    case DType::i32:
      return fill(int32_t{}, [&] { return integer() - 128; });
    case DType::i8:
    case DType::u8:
      return fill(uint8_t{}, integer);
    case DType::boolean:
      return fill(uint8_t{}, [&] { return integer() % 2; });
  }
}

// Runs the kernel as machine code, its grid in two pieces, and in the interpreter on the same
// random data, and expects the same bytes in every buffer.
inline void expect_as_interpreted(const kernel::Kernel& kernel,
                                  const Target& target = host_target()) {
  std::vector<Memory> ours, theirs;
  std::vector<void*> pointers;
  std::vector<std::span<std::byte>> spans;
  for (const kernel::Buffer& b : kernel.parameters) {
    for (auto* side : {&ours, &theirs}) {
      side->emplace_back(b);
      fill_random(side->back(), b->type.dtype, static_cast<uint32_t>(ours.size()));
    }
    pointers.push_back(ours.back().data);
    spans.push_back(theirs.back().span());
  }
  const Status interpreted = kernel::interpret(kernel, spans);
  ASSERT_TRUE(interpreted.ok()) << interpreted.error().message;
  const LoadedKernel loaded(kernel, target);
  const int64_t grid = kernel::grid_extent(kernel);
  loaded(pointers, 0, grid / 2);
  loaded(pointers, grid / 2, grid);
  for (size_t i = 0; i < ours.size(); ++i)
    for (size_t at = 0; at < ours[i].size; ++at)
      ASSERT_EQ(ours[i].data[at], theirs[i].data[at])
          << kernel.name << " on " << target.cpu << ": " << kernel.parameters[i]->name << ", byte "
          << at;
}

}  // namespace tempera::cpu
