# What `cmake/dev test-arm` builds and runs of the tests, where that machine is compiled for.

# Within one process, by qemu-user: hook, registry, agent, leak checks, stacks, and the CLI's own functions.
set(TASKS_ARM_TESTS
  call_paths_test registry_stress_test registry_test
  hook_test hook_threads_test mixed_test wait_kinds_test
  leak_check_spawn_test leak_check_test
  cli_difference_test cli_leak_groups_test cli_metrics_text_test cli_names_test cli_prose_test
  cli_quantities_test cli_recording_file_test cli_recording_times_test cli_registers_test cli_shell_words_test cli_strands_test
  cli_table_test cli_task_tree_test cli_top_model_test
  heap_map_test mark_test memory_image_test
  hookless_bodies_test hookless_chains_test hookless_scan_test hookless_sightings_test hookless_values_test)

# What looks at another process, or at its core, by a kernel of that machine's own: see ./machine. Under qemu-user
# ptrace(2), process_vm_readv(2), /proc and registers are of the emulator. First what depends on the processor: registers,
# stacks and the red zone, the heap's walk, unwinding, thread-local storage, cores, stops.
set(TASKS_MACHINE_TESTS
  support_test
  agent_answers_test agent_dump_test agent_fork_test agent_parts_test agent_socket_test exceptions_test terminate_test
  cli_core_test cli_direct_test cli_parts_test cli_proc_test cli_spawn_sites_test cli_stopped_test cli_symbols_test
  cli_threads_test
  hookless_coroutines_test moving_test used_pages_test)

# The rest takes an emulated machine more than an hour.
if(TASKS_MACHINE_ALL)
  list(APPEND TASKS_MACHINE_TESTS
    agent_host_test agent_server_test leak_check_gtest_test
    cli_callbacks_test cli_channels_test cli_descriptors_test cli_discovery_test cli_due_test cli_ended_test
    cli_failures_test cli_hostile_test cli_leaks_test cli_list_test cli_lookups_test cli_memory_test
    cli_mutex_waits_test cli_operations_test cli_profile_events_test cli_profile_test cli_profiles_test
    cli_recorded_test cli_slow_test cli_timers_test cli_timing_test cli_unhooked_code_test cli_why_test
    cli_without_main_test
    hookless_churn_test hookless_locals_test hookless_without_hook_test)
endif()
