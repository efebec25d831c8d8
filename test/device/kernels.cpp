// The kernels of kernels.txt as a compiler would give them: entry points of the CPU device, by
// hand.
#include <cstdint>

#define KERNEL(name)                                                                        \
  extern "C" void name(void* const* buffers, [[maybe_unused]] void* scratch, int64_t begin, \
                       int64_t end)

namespace {
float* floats(void* buffer) { return static_cast<float*>(buffer); }
}  // namespace

KERNEL(twice) {
  for (int64_t i = begin; i < end; ++i) floats(buffers[1])[i] = floats(buffers[0])[i] * 2.0f;
}

KERNEL(add) {
  for (int64_t i = begin; i < end; ++i)
    floats(buffers[2])[i] = floats(buffers[0])[i] + floats(buffers[1])[i];
}

KERNEL(multiply) {
  for (int64_t i = begin; i < end; ++i)
    floats(buffers[2])[i] = floats(buffers[0])[i] * floats(buffers[1])[i];
}

KERNEL(reverse_rows) {
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t k = 0; k < 8; ++k) floats(scratch)[k] = floats(buffers[0])[row * 8 + k];
    for (int64_t k = 0; k < 8; ++k) floats(buffers[1])[row * 8 + k] = floats(scratch)[7 - k];
  }
}

KERNEL(recurrence) {
  for (int64_t i = begin; i < end; ++i) {
    float x = floats(buffers[0])[i];
    for (int k = 0; k < 50; ++k) x = x * 0.75f + 0.3f;
    floats(buffers[1])[i] = x;
  }
}
