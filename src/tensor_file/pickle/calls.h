#pragma once

#include <string_view>

namespace tempera::pickle {

// Whether a pickle that has this called when it is loaded can be one that a training program wrote.
// Classes of other libraries (their names start with a capital) only make objects, which are
// skipped here; of Python's own modules, and of functions, only those that pickling data needs are
// let through. All others (os.system, builtins.exec, subprocess.Popen, torch.load, ...) mean that
// the file wants to run a program.
bool is_harmless_call(std::string_view module, std::string_view name);

}  // namespace tempera::pickle
