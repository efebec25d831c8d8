#include "runtime/host_device.h"

#include <sys/mman.h>

#include <chrono>
#include <cstdlib>
#include <cstring>

namespace tempera::runtime {
namespace {

// Memory of at least this size is mapped at a multiple of it, in huge pages where the system has
// them: large tensors are walked with strides that would miss the TLB at each step.
constexpr size_t kHugePage = size_t{2} << 20;

size_t round_up(size_t value, size_t step) { return (value + step - 1) / step * step; }

std::byte* map_huge(size_t bytes) {
  const size_t room = round_up(bytes, size_t{4} << 10) + kHugePage;
  void* mapped = ::mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* start = static_cast<std::byte*>(mapped);
  const auto place = reinterpret_cast<uintptr_t>(start);
  const size_t before = round_up(place, kHugePage) - place;
  if (before > 0) ::munmap(start, before);
  ::munmap(start + before + (room - kHugePage), kHugePage - before);
  ::madvise(start + before, room - kHugePage, MADV_HUGEPAGE);
  return start + before;
}

class HostBuffer : public Buffer {
 public:
  HostBuffer(std::byte* data, size_t size) : Buffer(static_cast<int64_t>(size)), data_(data) {}
  std::span<std::byte> host_view() override { return {data_, static_cast<size_t>(size())}; }

 protected:
  std::byte* const data_;
};

class HeapBuffer : public HostBuffer {
 public:
  using HostBuffer::HostBuffer;
  ~HeapBuffer() override { std::free(data_); }
};

class MappedBuffer : public HostBuffer {
 public:
  using HostBuffer::HostBuffer;
  ~MappedBuffer() override {
    ::munmap(data_, round_up(static_cast<size_t>(size()), size_t{4} << 10));
  }
};

template <typename OwningBuffer>
Result<std::unique_ptr<Buffer>> own(std::byte* data, size_t bytes) {
  if (data == nullptr)
    return error(ErrorCode::resource_exhausted,
                 "cannot allocate {:.1f} MiB of memory; try a smaller size or batch",
                 static_cast<double>(bytes) / (1 << 20));
  return std::unique_ptr<Buffer>(std::make_unique<OwningBuffer>(data, bytes));
}

}  // namespace

Result<std::unique_ptr<Buffer>> HostDevice::allocate(int64_t bytes) {
  CHECK(bytes >= 0, "{} bytes", bytes);
  const auto size = static_cast<size_t>(bytes);
  if (size >= kHugePage) return own<MappedBuffer>(map_huge(size), size);
  // Never nothing, so that empty tensors have an address too.
  void* data = std::aligned_alloc(kBufferAlignment, round_up(size + 1, kBufferAlignment));
  return own<HeapBuffer>(static_cast<std::byte*>(data), size);
}

Result<std::unique_ptr<Buffer>> HostDevice::wrap(std::span<const std::byte> bytes) {
  auto* data = const_cast<std::byte*>(bytes.data());  // kernels do not write what is wrapped
  return std::unique_ptr<Buffer>(std::make_unique<HostBuffer>(data, bytes.size()));
}

Status HostDevice::upload(const BufferSlice& to, std::span<const std::byte> bytes) {
  CHECK(to.offset + static_cast<int64_t>(bytes.size()) <= to.buffer->size(), "{} bytes at {} of {}",
        bytes.size(), to.offset, to.buffer->size());
  if (!bytes.empty()) std::memcpy(address(to), bytes.data(), bytes.size());
  return {};
}

Status HostDevice::download(const BufferSlice& from, std::span<std::byte> bytes) {
  CHECK(from.offset + static_cast<int64_t>(bytes.size()) <= from.buffer->size(),
        "{} bytes at {} of {}", bytes.size(), from.offset, from.buffer->size());
  if (!bytes.empty()) std::memcpy(bytes.data(), address(from), bytes.size());
  return {};
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::byte* address(const BufferSlice& slice) {
  return slice.buffer->host_view().data() + slice.offset;
}

}  // namespace tempera::runtime
