#include <cctype>
#include <cstdio>
#include <new>

#include "api/run/version.h"
#include "base/check.h"
#include "base/suggest.h"
#include "base/text.h"
#include "cli/command.h"

namespace tempera::cli {
namespace {

int fail(const CLI::App& program, const Error& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", program.get_name().c_str(), error.message.c_str());
  return exit_code(error.code);
}

// The subcommand that was parsed, or the program itself.
const CLI::App& parsed(const CLI::App& program) {
  const auto subcommands = program.get_subcommands();
  return subcommands.empty() ? program : *subcommands.front();
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

std::vector<std::string> subcommands_of(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* app : program.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(app->get_name());
  return names;
}

Error unknown_argument(const CLI::App& program) {
  const CLI::App& app = parsed(program);
  const std::vector<std::string> rest = program.remaining(true);
  const std::string text = rest.empty() ? "" : rest.front();
  if (text.size() > 1 && text.front() == '-') {
    const std::string flag = text.substr(0, text.find('='));
    return error(ErrorCode::invalid_argument, "unknown flag {}{}", quote(flag),
                 suggestion(flag, flags_of(app)));
  }
  if (&app == &program)
    return error(ErrorCode::invalid_argument, "unknown subcommand {}{}", quote(text),
                 suggestion(text, subcommands_of(program)));
  return error(ErrorCode::invalid_argument,
               "unexpected argument {}; put a text with spaces in quotes", quote(text));
}

// The library's message as one of ours: a sentence in lower case without a full stop.
Error parse_error(const CLI::App& program, const CLI::ParseError& failure) {
  if (dynamic_cast<const CLI::ExtrasError*>(&failure) != nullptr) return unknown_argument(program);
  if (&parsed(program) == &program && !program.remaining().empty())
    return unknown_argument(program);
  std::string text = failure.what();
  if (text.size() > 1 && std::isupper(text[0]) != 0 && std::islower(text[1]) != 0)
    text[0] = static_cast<char>(std::tolower(text[0]));
  while (!text.empty() && (text.back() == '.' || text.back() == '\n')) text.pop_back();
  return error(ErrorCode::invalid_argument, "{}; see {} {}--help", text, program.get_name(),
               &parsed(program) == &program ? "" : parsed(program).get_name() + " ");
}

int parse_and_run(const ProgramText& text, const std::function<void(CLI::App&, Action&)>& add,
                  std::span<const char* const> arguments) {
  CLI::App program(text.about, text.name);
  program.set_version_flag("--version", fmt::format("{} {}", text.name, api::kVersion));
  program.require_subcommand(1);
  program.failure_message(CLI::FailureMessage::simple);
  program.footer(text.footer);
  Action action;
  add(program, action);
  try {
    program.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::Success& asked) {  // --help
    return program.exit(asked);
  } catch (const CLI::ParseError& failure) {
    if (arguments.size() == 1) {
      std::fputs(program.help().c_str(), stderr);
      return exit_code(ErrorCode::invalid_argument);
    }
    return fail(program, parse_error(program, failure));
  }
  const Status status = action();
  if (!status.ok()) return fail(program, status.error());
  if (std::fflush(stdout) != 0)
    return fail(program, error(ErrorCode::resource_exhausted, "cannot write to standard output"));
  return 0;
}

}  // namespace

int run_program(const ProgramText& text, const std::function<void(CLI::App&, Action&)>& add,
                std::span<const char* const> arguments) {
  try {
    return parse_and_run(text, add, arguments);
  } catch (const InternalError& bug) {
    std::fprintf(stderr, "%s: internal error, please report it: %s\n", text.name.c_str(),
                 bug.what());
    return exit_code(ErrorCode::internal);
  } catch (const std::bad_alloc&) {
    std::fprintf(stderr, "%s: out of memory\n", text.name.c_str());
    return exit_code(ErrorCode::resource_exhausted);
  }
}

}  // namespace tempera::cli
