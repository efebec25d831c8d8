#include "test/device/loaded_device.h"

#include "backend/cpu/device/cpu_device.h"
#include "backend/interpreter/device/interpreter_device.h"
#include "backend/null/device/null_device.h"
#include "base/file.h"
#include "test/device/compiled_kernels.h"

namespace tempera {
namespace {

LoadedDevice load(std::unique_ptr<runtime::Device> device, const std::string& path) {
  const auto file = std::move(MappedFile::open(path)).value();
  auto module = device->load_module({path, file->bytes()});
  const bool computes = device->name() != "null";
  return {std::move(device), std::move(module).value(), computes};
}

LoadedDevice load_compiled() {
  static const cpu::CodeObject code = compile_kernels_text();
  auto device = std::move(cpu::create_device(2)).value();
  auto module = device->load_module({"", std::as_bytes(std::span(code.shared_library))});
  return {std::move(device), std::move(module).value()};
}

}  // namespace

LoadedDevice load_cpu(int threads) {
  return load(std::move(cpu::create_device(threads)).value(), DEVICE_TEST_KERNELS);
}

LoadedDevice load_device(const std::string& name) {
  if (name == "cpu") return load_cpu(2);
  if (name == "cpu_compiled") return load_compiled();
  const std::string text = TEMPERA_SOURCE_DIR "/test/device/kernels.txt";
  if (name == "interpreter") return load(interpreter::create_device(), text);
  return load(null_device::create_device(), text);
}

std::unique_ptr<runtime::Buffer> make_buffer(runtime::Device& device, std::vector<float> values) {
  const auto bytes = std::as_bytes(std::span(values));
  auto buffer = std::move(device.allocate(static_cast<int64_t>(bytes.size()))).value();
  CHECK(device.upload({buffer.get()}, bytes).ok());
  return buffer;
}

std::vector<float> floats_in(runtime::Device& device, runtime::Buffer& buffer) {
  std::vector<float> values(static_cast<size_t>(buffer.size()) / sizeof(float));
  CHECK(device.wait().ok());
  CHECK(device.download({&buffer}, std::as_writable_bytes(std::span(values))).ok());
  return values;
}

}  // namespace tempera
