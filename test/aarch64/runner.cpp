// runner LIBRARY SYMBOL BEGIN END BUFFER...: runs a kernel on the files' bytes and writes them
// back.
#include <dlfcn.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace {

std::vector<char> read(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr size_t kAlignment = 64;
constexpr size_t kScratchBytes = 1 << 16;

char* aligned(size_t bytes) {
  return static_cast<char*>(
      std::aligned_alloc(kAlignment, (bytes + kAlignment) / kAlignment * kAlignment));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  void* library = dlopen(argv[1], RTLD_NOW);
  if (!library) return std::fprintf(stderr, "%s\n", dlerror()), 3;
  using EntryPoint = void (*)(void* const*, void*, int64_t, int64_t);
  const auto run = reinterpret_cast<EntryPoint>(dlsym(library, argv[2]));
  if (!run) return std::fprintf(stderr, "%s\n", dlerror()), 4;

  std::vector<void*> buffers;
  std::vector<size_t> sizes;
  for (int i = 5; i < argc; ++i) {
    const std::vector<char> bytes = read(argv[i]);
    char* memory = aligned(bytes.size());
    std::copy(bytes.begin(), bytes.end(), memory);
    buffers.push_back(memory);
    sizes.push_back(bytes.size());
  }
  run(buffers.data(), aligned(kScratchBytes), std::atoll(argv[3]), std::atoll(argv[4]));
  for (size_t i = 0; i < buffers.size(); ++i)
    std::ofstream(argv[5 + i], std::ios::binary)
        .write(static_cast<const char*>(buffers[i]), static_cast<std::streamsize>(sizes[i]));
}
