#include "api/run/version.h"

#include <memory>

#include "api/compile/build_id.h"
#include "cli/command.h"
#include "cli/output.h"

namespace tempera::cli {

void add_version(CLI::App& program, Action& action) {
  CLI::App* app = program.add_subcommand("version", "Print the version");
  auto json = std::make_shared<bool>(false);
  app->add_flag("--json", *json, "Print the result as JSON");
  app->callback([json, &action] {
    action = [json]() -> Status {
      if (*json)
        print(Json{{"version", api::kVersion}, {"build", api::build_id()}});
      else
        print(std::string("tempera ") + api::kVersion);
      return {};
    };
  });
}

}  // namespace tempera::cli
