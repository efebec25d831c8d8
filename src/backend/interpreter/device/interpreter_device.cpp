#include "backend/interpreter/device/interpreter_device.h"

#include <chrono>
#include <map>

#include "base/text.h"
#include "kernel/interpret.h"
#include "kernel/parse.h"
#include "runtime/host_device.h"

namespace tempera::interpreter {
namespace {

using runtime::BufferSlice;
using runtime::Launch;

struct TextModule : runtime::Module {
  std::map<std::string, kernel::InterpretedKernel, std::less<>> kernels;
};

struct InterpretedLaunch {
  const kernel::InterpretedKernel* kernel;
  std::vector<std::span<std::byte>> buffers;
  int64_t grid;
};

struct InterpretedLaunches : runtime::LaunchList {
  explicit InterpretedLaunches(std::vector<InterpretedLaunch> launches)
      : LaunchList(static_cast<int64_t>(launches.size())), launches(std::move(launches)) {}
  std::vector<InterpretedLaunch> launches;
};

// The text of the first kernel of `text`: up to the next line that starts one.
std::string_view first_kernel(std::string_view text) {
  return text.substr(0, text.find("\nkernel ", 1));
}

std::span<std::byte> memory(const BufferSlice& slice) {
  return slice.buffer->host_view().subspan(static_cast<size_t>(slice.offset));
}

class InterpreterDevice : public runtime::HostDevice {
 public:
  std::string_view name() const override { return "interpreter"; }

  Result<std::unique_ptr<runtime::Module>> load_module(const runtime::ModuleCode& code) override {
    std::string_view text(reinterpret_cast<const char*>(code.bytes.data()), code.bytes.size());
    auto module = std::make_unique<TextModule>();
    while (!text.empty()) {
      const std::string_view one = first_kernel(text);
      Result<kernel::Kernel> kernel = kernel::parse_kernel(one);
      if (!kernel.ok())
        return error(ErrorCode::data_loss, "{}: no kernel text: {}",
                     code.path.empty() ? "module" : code.path, kernel.error().message);
      std::string name = kernel->name;
      module->kernels.insert_or_assign(std::move(name),
                                       kernel::InterpretedKernel(std::move(kernel).value()));
      text.remove_prefix(one.size());
      if (text.starts_with('\n')) text.remove_prefix(1);
    }
    return std::unique_ptr<runtime::Module>(std::move(module));
  }

  Result<std::unique_ptr<runtime::LaunchList>> prepare(const runtime::Module& module,
                                                       std::span<const Launch> launches) override {
    const auto& kernels = static_cast<const TextModule&>(module).kernels;
    std::vector<InterpretedLaunch> prepared;
    for (const Launch& launch : launches) {
      const auto found = kernels.find(launch.kernel->symbol);
      if (found == kernels.end())
        return error(ErrorCode::not_found, "the module has no kernel {}",
                     quote(launch.kernel->symbol));
      prepared.push_back({&found->second, {}, launch.kernel->grid});
      for (const BufferSlice& slice : launch.buffers)
        prepared.back().buffers.push_back(memory(slice));
    }
    return std::unique_ptr<runtime::LaunchList>(
        std::make_unique<InterpretedLaunches>(std::move(prepared)));
  }

  Status submit(runtime::LaunchList& list, runtime::LaunchTimes* times) override {
    const auto& launches = static_cast<const InterpretedLaunches&>(list).launches;
    for (size_t i = 0; i < launches.size(); ++i) {
      const double begin = runtime::now();
      TRY(launches[i].kernel->run(launches[i].buffers, 0, launches[i].grid));
      if (times != nullptr) times->launches[i] = times->workers[i] = {begin, runtime::now()};
    }
    return {};
  }
};

}  // namespace

std::unique_ptr<runtime::Device> create_device() { return std::make_unique<InterpreterDevice>(); }

}  // namespace tempera::interpreter
